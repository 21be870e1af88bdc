"""The HTTP endpoints: Thrift, OAuth, REST and control, with faults on demand."""
