"""Discord at the edge: genuine messages in, bound replies out."""
