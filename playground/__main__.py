"""`python -m playground` is the command `playground`."""

import sys

from playground.cli import main

sys.exit(main())
