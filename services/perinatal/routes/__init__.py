"""The routes of the perinatal service, a class for each kind of record; the service class is all of them together."""
