#!/bin/sh
# One database and one role per service; runs once, when the data volume is new.
set -eu
for service in credit hold; do
  password=$(eval "printf %s \"\$$(printf %s "$service" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD\"")
  psql --set ON_ERROR_STOP=1 --set name="holdfast_$service" --set password="$password" --username postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
