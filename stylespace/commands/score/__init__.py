"""Scores by named protocols: how near results are to a style or a content, and to which number."""
