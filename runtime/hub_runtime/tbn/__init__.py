"""Stable configurations of thermodynamic binding networks.

A *monomer* is a multiset of *sites*; a site ``a`` may bond with a site ``a*``. A configuration is a
matching of sites, its *polymers* are the connected components. It is saturated when no further bond is
possible and stable when it has the most polymers among the saturated ones; that number is the *entropy*.
"""
