"""PostgreSQL for the tests: what infra starts, and databases beside one another on it."""

import uuid

import psycopg

from infra.postgres import running, servers_folder

__all__ = ["fresh_database", "running", "servers_folder"]


def fresh_database(url: str, copy_of: str = "template1") -> str:
    """Create a database beside the one of `url`, empty or a copy of one that nobody uses, and return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {copy_of}")
    return url.rsplit("/", 1)[0] + f"/{name}"
