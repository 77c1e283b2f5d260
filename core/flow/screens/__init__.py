"""What screens show where rows are not enough: gauges, rates against their lines, advice, who must still sign.

Each asks the very function that enforces (`allowances` for budgets, `cohorts` and the guards' rule for rates,
`issuance` for signatures), so that a gauge cannot show other figures than the gate. Reads only: `store.look(verb)`.
"""
