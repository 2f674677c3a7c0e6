"""The resources a resource refers to, read as parts of it: where they come from, what they refer to in turn."""

from fhir_mappers.element import Json, Origin, Resolve, resolved


def origin_of(origin: Origin, name: str, resource: Json) -> Origin:
    """Return the origin of a resource that `origin` refers to as `name`; a contained one is named within its holder."""
    if name.startswith("#"):
        kind = resource.get("resourceType")
        place = f"{origin.reference}{name}"
        return Origin(resource, kind if isinstance(kind, str) else "Resource", place, origin.version, origin.issues)
    return Origin.of(resource, origin.issues, where=name)


def within(origin: Origin, resolve: Resolve) -> Resolve:
    """Return a resolver for the resources `origin` refers to: contained ones share the container of their holder."""
    return lambda name: resolved(origin, name, resolve)
