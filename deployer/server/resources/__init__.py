"""The API's resources, one module for each; an endpoint is served when its module stands in the table here."""

from __future__ import annotations

from deployer.server.resources import (
    agents,
    assistants,
    conversations,
    file_batches,
    files,
    foundry,
    foundry_v1,
    messages,
    models,
    responses,
    runs,
    sessions,
    threads,
    uploads,
    vector_store_files,
    vector_stores,
)
from deployer.server.state import Operation, Upload

OPERATIONS: list[Operation] = [
    *assistants.OPERATIONS,
    *sessions.OPERATIONS,  # before agents, whose ids stand where `sessions` does
    *agents.OPERATIONS,
    *vector_stores.OPERATIONS,
    *vector_store_files.OPERATIONS,
    *file_batches.OPERATIONS,
    *files.OPERATIONS,
    *uploads.OPERATIONS,
    *models.OPERATIONS,
    *runs.OPERATIONS,
    *threads.OPERATIONS,
    *messages.OPERATIONS,
    *responses.OPERATIONS,
    *conversations.OPERATIONS,
    *foundry.OPERATIONS,
    *foundry_v1.OPERATIONS,
]
UPLOADS: list[tuple[str, str, Upload]] = [*files.UPLOADS, *uploads.UPLOADS, *foundry_v1.UPLOADS]
ENDPOINTS = [(method, path) for method, path, _ in [*OPERATIONS, *UPLOADS]]
