from django.db import models


class CustomerGroup(models.Model):
    """A group of customers. Groups that a till sends and groups stored here are one set."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    kept_by = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The segment that says who belongs to it."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    """A customer of a group, by the opaque id of the till. A sale asks for the groups of one customer."""

    group = models.ForeignKey(CustomerGroup, models.CASCADE, related_name="members")
    customer = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "group"], name="customer_once_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.customer} in {self.group}"
