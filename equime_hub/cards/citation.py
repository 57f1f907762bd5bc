"""What to cite for a dataset."""

from __future__ import annotations

from equime_hub.cards.statistics import Statistics

EQUIME = """\
@inproceedings{tan2025equime,
  title     = {{EquiME}: Equitable Micro-Expression Dataset for Cross-Demographic Emotion Recognition},
  author    = {Tan, Pei-Sze and Rajanala, Sailaja and Tan, Yee-Fan and Phan, Rapha{\\"e}l C.-W. and Ong, Huey-Fang},
  booktitle = {Proceedings of the ACM International Conference on Multimedia (MM '25)},
  address   = {Dublin, Ireland},
  year      = {2025}
}"""  # noqa: E501
MIE_X = """\
@inproceedings{liu2022synthesize,
  title     = {How to Synthesize a Large-Scale and Trainable Micro-Expression Dataset?},
  author    = {Liu, Yuchi and Wang, Zhongdao and Gedeon, Tom and Zheng, Liang},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year      = {2022}
}"""
LTX = """\
@article{hacohen2025ltx,
  title   = {{LTX-Video}: Realtime Video Latent Diffusion},
  author  = {HaCohen, Yoav and Chiprut, Nisan and Brazowski, Benny and others},
  journal = {arXiv preprint arXiv:2501.00103},
  year    = {2025}
}"""
CELEBAMASK = """\
@inproceedings{lee2020maskgan,
  title     = {{MaskGAN}: Towards Diverse and Interactive Facial Image Manipulation},
  author    = {Lee, Cheng-Han and Liu, Ziwei and Wu, Lingyun and Luo, Ping},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2020}
}"""


def bibtex(statistics: Statistics) -> str:
    """BibTeX of the papers behind a dataset: EquiME, MiE-X, and what its clips were made with."""
    entries = [EQUIME, MIE_X]
    if any(str(settings[0]).startswith("ltx") for settings in statistics.settings):
        entries.append(LTX)
    if any(source.startswith("celeb") for source, _ in statistics.sources):
        entries.append(CELEBAMASK)
    return "\n\n".join(entries)
