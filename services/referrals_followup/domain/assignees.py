"""To whom a follow-up may be given: somebody of one of its areas, who may see it and may do what it asks for."""

from __future__ import annotations

from services.referrals_followup.domain.directory import Directory, Member, Team
from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import Acts, FollowUp, Line, owner_of
from services.referrals_followup.domain.standards import Step
from shared.contracts.access import ACCESS
from shared.kernel.decisions import Invalid


def require_assignee(
    directory: Directory, member: Member, field: str, follow_up: FollowUp, acts: Acts, step: Step | None, line: Line
) -> None:
    """Refuse, as invalid, to give the follow-up to this person. `field` of the body names them."""
    team = directory.teams[member.team]
    if team.area not in follow_up.areas:
        code, fault = "assignee-elsewhere", "works in none of its areas"
    elif not is_disclosed(follow_up, acts, member.role, member.team):
        code, fault = "assignee-may-not-see-it", "may not see what it is about"
    elif not _may_do(member, team, follow_up, acts, step, line):
        code, fault = "assignee-may-not-do-it", "may not do what it asks for"
    else:
        return
    raise Invalid(code, f"{follow_up.reference} cannot be given to {member.id}, who {fault}", fields={field: [fault]})


def _may_do(member: Member, team: Team, follow_up: FollowUp, acts: Acts, step: Step | None, line: Line) -> bool:
    """Whether the person acts as the owner, is of their team or above them, or may record what meets the step."""
    owner = owner_of(follow_up, acts)
    if follow_up.owner.role in (member.role, *team.services) or team.id in (follow_up.owner.team, owner.team):
        return True
    if member.id in line.list_deciders(owner) or step is None or step.met_by_acceptance:
        return True
    kinds = {matcher.event.partition(".")[0] for matcher in step.met_by}
    return any(
        member.role in roles
        for command, roles in ACCESS.items()
        if command.partition(".")[0] in kinds and not command.endswith(".read")
    )
