"""What clients reach over HTTP: Thrift, OAuth, REST and control endpoints, and faults on demand."""
