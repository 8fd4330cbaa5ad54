"""What pages of HTML share: a shell with its policy, and a view that zooms."""
