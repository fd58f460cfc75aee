"""The page in the browser: `samloom demo`."""
