"""What the containers of docker-compose.yml run beside the services: first-start secrets, and health checks."""
