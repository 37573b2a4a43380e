"""The inspector: forms derived from the settings of layers and of training."""
