"""Secrets of every kind, none of them real, and what of each opens something."""

SECRETS = {
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "Ab3" * 40 + "\n-----END RSA PRIVATE KEY-----",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "aws_access_key": "AKIA" + "IOSFODNN7QEXAMPL",
    "google_key": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"[:35],
    "azure_key": "AccountKey=" + "Ab3dEf6h" * 10 + "==",
    "github_token": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "gitlab_token": "glpat-" + "x1Y2z3A4b5C6d7E8f9G0",
    "slack_token": "xoxb-" + "123456789012-abcdefABCDEF",
    "payment_key": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "api_key": "sk-" + "proj-abcdefGHIJKL0123456789mnop",
    "url_password": "postgres://app:hunter2Zq9@db.example/app",
    "bearer_token": "Authorization: Bearer abcdef0123456789ABCDEF",
    "assigned_secret": 'DB_PASSWORD = "x9!kQ2#vLm8$"',
}
CORES = {
    "azure_key": "Ab3dEf6h" * 10,
    "private_key": "Ab3" * 40,
    "url_password": "hunter2Zq9",
    "bearer_token": "abcdef0123456789ABCDEF",
    "assigned_secret": "x9!kQ2#vLm8$",
}
