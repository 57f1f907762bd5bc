"""The real, licensed datasets in the schema, read from a lab's own folders."""

from __future__ import annotations

from equime_hub.registry import Registry

_HERE = "equime_hub.loading_script.real"

REAL = Registry(
    "real dataset",
    {
        "samm": f"{_HERE}.samm:Samm",
        "casme2": f"{_HERE}.casme2:Casme2",
        "casme": f"{_HERE}.casme:Casme",
        "smic": f"{_HERE}.smic:Smic",
        "smic_e": f"{_HERE}.smic_e:SmicE",
        "mmew": f"{_HERE}.mmew:Mmew",
        "cas_me2": f"{_HERE}.cas_me2:CasMe2",
        "cas_me3": f"{_HERE}.cas_me3:CasMe3",
        "dfme": f"{_HERE}.dfme:DfmeRelease",
        "4dme": f"{_HERE}.four_dme:FourDme",
        "ck_plus": f"{_HERE}.ck_plus:CkPlus",
        "oulu_casia": f"{_HERE}.oulu_casia:OuluCasia",
        "mie_x": f"{_HERE}.mie_x:MieX",
        "equime_release": f"{_HERE}.equime_release:EquimeRelease",
        "megc2019": f"{_HERE}.megc2019:Megc2019",
    },
    group="equime_hub.real",
)
"""Name → subclass of `dataset.RealDataset`; `REAL.get(name)()` is the dataset."""
