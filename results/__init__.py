"""Tables, pictures and reports out."""
