"""The one place that reads the environment and picks storage, gateways and services."""
