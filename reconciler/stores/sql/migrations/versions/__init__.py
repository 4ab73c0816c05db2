"""One module a migration. Nothing but migrations."""
