# An example of coffer's configuration: a SoftHSM token named "demo".
#
#   ~/.config/coffer/coffer.hcl    of one user
#   /etc/coffer/coffer.hcl         of the machine
#
# Nobody but its owner may be able to write it, since it names a library to load. coffer-config(5) has every key.
# `coffer setup` finds the PKCS#11 modules of this machine and their tokens, and writes such a file.

# The store is /var/lib/coffer/coffer.db for root, ~/.local/share/coffer/coffer.db for others.
#storage "sqlite" { path = "/var/lib/coffer/coffer.db" }

seal "pkcs11" {
  lib            = "/usr/lib/softhsm/libsofthsm2.so"    # the HSM's PKCS#11 module
  token_label    = "demo"
  #pin           = "file:/etc/coffer/pin"               # mode 0400; or "env:NAME", "credential:NAME"; else asked for

  key_label      = "hsm_demo"                           # wraps the root key
  hmac_key_label = "hsm_hmac_demo"                      # authenticates what was wrapped
  generate_key   = "true"                               # init may create them
}

# Random bytes of the HSM go into every key that coffer makes.
entropy "seal" { mode = "augmentation" }
