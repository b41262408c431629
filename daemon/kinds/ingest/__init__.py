"""Taking files out of the inbox."""
