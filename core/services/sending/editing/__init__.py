"""Edit a held message: a person changes its subject and body, and it is composed, checked and judged again.

The message keeps its id, envelope, thread, attachments and place; its bytes and their digest are new, and the log says
so (`email.edited`). The bytes before are kept beside it, so that the difference can be shown. Every gate, check and
budget runs again on the new bytes, earlier approvals count for nothing, and it is always held: whoever edited it cannot
be its only approver. Only mail of which nothing has left can be edited.

`compose_edit` reads and composes, outside the write transaction; `edit` decides and records.
"""

from core.services.sending.editing.compose import Editable, Edited, Wording, compose_edit, editable
from core.services.sending.editing.record import EDITED, EditResult, edit

__all__ = ["EDITED", "EditResult", "Editable", "Edited", "Wording", "compose_edit", "edit", "editable"]
