"""The wire: connections, what may be sent where, and what comes back; no registry words."""
