"""The MCP server: `/mcp` of a gateway, and the stdio bridge to it.

Every tool calls a route of the HTTP API within this process: the same checks, the same idempotency store, the same
events. Only `server` and `bridge` import the SDK (the extra `postroom[mcp]`), and both are imported on first use.

    endpoint      checks made before a body is read: token, Origin, size; the metadata of RFC 9728
    server        the SDK's server: lists tools and calls them
    tools         the tools: names, arguments, hints, scopes
    call          one call: its token, run and mailbox; requests to the HTTP API
    local_request a request to the application in this process
    arguments     a tool's arguments, checked against its schema before anything happens
    repeated_calls
                  the idempotency key for a call that has none
    results       HTTP answers as results of tools
    sending, reading, contacts, mailbox_status, requests
                  what each tool does
    bridge        `postroom mcp`: stdio to a gateway's /mcp
"""
