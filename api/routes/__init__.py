"""One module a user. Routes are thin: they read the request, call one service, and say how it is answered."""
