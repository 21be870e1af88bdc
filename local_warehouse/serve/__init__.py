"""What clients reach over HTTP: Thrift, OAuth, REST, the control endpoint; faults on demand."""
