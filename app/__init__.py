"""The outermost layer: web page, HTTP server and the command line that composes the packages."""
