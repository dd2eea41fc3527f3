"""Programs that the containers of docker-compose.yml run besides the services: first secrets and health checks."""
