"""Control of the whole desk: emergency stops, the policy in force, retention, readiness."""
