"""How notebooks are run without a kernel being started for each of them."""
