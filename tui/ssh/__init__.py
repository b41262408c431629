"""`--ssh user@box`: a forward to a remote daemon's Unix socket, opened, watched and ended by us, with the system's own
ssh.

ssh knows the person's keys, agent, hosts and jump hosts, and asks for passwords at the terminal; nothing of that is
done again here.
"""
