"""Outside of any cluster: the first page, settings, audit, one's account."""

from django.urls import URLPattern, path

from imadmin.web.views import account, audit, home, settings_clusters, settings_people, settings_tokens

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("c/<slug:slug>/status/", home.cluster_status, name="cluster-status"),
    path("audit/", audit.listing, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("audit/<int:entry_id>/", audit.entry, name="audit-entry"),
    path("settings/", account.settings_start, name="settings"),
    path("settings/account/", account.account, name="account"),
    path("settings/clusters/", settings_clusters.listing, name="settings-clusters"),
    path("settings/clusters/add/", settings_clusters.add, name="settings-cluster-add"),
    path("settings/clusters/try/", settings_clusters.try_new, name="settings-cluster-try-new"),
    path("settings/clusters/<slug:slug>/edit/", settings_clusters.edit, name="settings-cluster-edit"),
    path("settings/clusters/<slug:slug>/try/", settings_clusters.try_edited, name="settings-cluster-try"),
    path("settings/clusters/<slug:slug>/test/", settings_clusters.test, name="settings-cluster-test"),
    path("settings/clusters/<slug:slug>/remove/", settings_clusters.remove, name="settings-cluster-remove"),
    path("settings/people/", settings_people.listing, name="settings-people"),
    path("settings/people/add/", settings_people.add, name="settings-person-add"),
    path("settings/people/<pathid:username>/edit/", settings_people.person, name="settings-person"),
    path("settings/people/<pathid:username>/roles/", settings_people.roles, name="settings-person-roles"),
    path("settings/people/<pathid:username>/password/", settings_people.password, name="settings-person-password"),
    path("settings/people/<pathid:username>/active/", settings_people.active, name="settings-person-active"),
    path("settings/tokens/", settings_tokens.listing, name="settings-tokens"),
    path("settings/tokens/<int:token_id>/revoke/", settings_tokens.revoke, name="settings-token-revoke"),
]
