"""Pictures, in the field's style. Nothing here computes: it draws what other stages wrote."""
