"""The contracts between the services."""

from shared.contracts import common, leaving_care, perinatal, referrals_followup
from shared.contracts.catalogue import Catalogue

CATALOGUE = Catalogue(common.TYPES, perinatal.TYPES, leaving_care.TYPES, referrals_followup.TYPES)
