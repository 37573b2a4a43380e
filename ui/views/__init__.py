"""The panels that show a training network; each takes snapshots and asks for what it shows."""
