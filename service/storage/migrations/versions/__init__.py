"""One module for each version of the schema; `service.storage.schema.VERSIONS` lists them in their order."""
