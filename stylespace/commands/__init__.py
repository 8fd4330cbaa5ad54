"""What the commands do: settings in, pictures, folders and figures out."""
