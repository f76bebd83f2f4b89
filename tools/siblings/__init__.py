"""What tools/precompress is made of: codings, files, maker, report, site, in layers."""
