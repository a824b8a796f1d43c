"""The SDK that notebooks use: `connect` gives a Client, its keys give Repos and Images."""
