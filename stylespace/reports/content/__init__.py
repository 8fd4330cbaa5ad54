"""What stands on the page of a report, as the dictionaries that `page` takes."""
