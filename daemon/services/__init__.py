"""gRPC services, one file each. A method reads its request, calls one state function, and answers; rules live in
`daemon.state`."""
