"""Background estimates from data: ABCD, sideband, control regions, composition from clusters."""
