"""The parts of tools/precompress, in layers: codings, files, maker, report, site."""
