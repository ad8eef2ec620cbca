"""Ingestion: files of many formats are checked, and read into tables of fat jets."""
