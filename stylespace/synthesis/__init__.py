"""The one loop: a picture is changed until its objective is low; it knows of no style."""
