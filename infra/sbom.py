"""Writes what is installed as a CycloneDX bill of materials: each package, its license, what needs what."""

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = "hypermatch"
LICENSES = LicenseFactory()
NAMED = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


def bill_of_materials() -> str:
    """Return the document as JSON; only what HyperMatch and its extras lead to is in it."""
    found = reachable(ROOT)
    components = {name: component(each) for name, each in found.items()}
    bom = Bom(components=[each for name, each in components.items() if name != ROOT])
    bom.metadata.component = components[ROOT]
    for name, each in found.items():
        bom.register_dependency(components[name], [components[other] for other in needed(each, found)])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def reachable(root: str) -> dict[str, Distribution]:
    """Return every installed distribution that `root` leads to, by its normalized name, in order."""
    found, waiting = {root: distribution(root)}, [root]
    while waiting:
        for name in _required(found[waiting.pop()]):
            if name not in found:
                try:
                    found[name] = distribution(name)
                except PackageNotFoundError:          # an extra, or of another platform
                    continue
                waiting.append(name)
    return dict(sorted(found.items()))


def needed(each: Distribution, found: Iterable[str]) -> list[str]:
    return sorted(_required(each) & set(found) - {normalized(each.name)})


def component(each: Distribution) -> Component:
    name, version = normalized(each.name), each.version
    purl = PackageURL("pypi", None, name, version)
    kind = ComponentType.APPLICATION if name == ROOT else ComponentType.LIBRARY
    return Component(name=name, version=version, type=kind, purl=purl, bom_ref=str(purl), licenses=licenses(each),
                     description=each.metadata["Summary"] or None, supplier=OrganizationalEntity(name="PyPI"))


def licenses(each: Distribution) -> list[License]:
    """Return the license that a package states: an expression first, then what its classifiers name."""
    stated = each.metadata["License-Expression"]
    if stated:
        return [LICENSES.make_from_string(stated, license_acknowledgement=LicenseAcknowledgement.DECLARED)]
    named = [match[1] for line in each.metadata.get_all("Classifier") or [] if (match := NAMED.match(line))]
    short = (each.metadata["License"] or "").strip().split("\n")[0][:100]
    return [LICENSES.make_with_name(name) for name in dict.fromkeys(named or ([short] if short else []))]


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _required(each: Distribution) -> set[str]:
    """Return what a distribution asks for here; extras count, since what is not installed is left out anyway."""
    found = set()
    for line in each.requires or []:
        requirement = Requirement(line)
        extras = ["", *(each.metadata.get_all("Provides-Extra") or [])] if normalized(each.name) == ROOT else [""]
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            found.add(normalized(requirement.name))
    return found
