"""All of the product's URLs live in crm.urls."""

from django.urls import include, path

urlpatterns = [path("", include("crm.urls"))]

handler400 = "crm.views.errors.bad_request"
handler403 = "crm.views.errors.permission_denied"
handler404 = "crm.views.errors.page_not_found"
handler500 = "crm.views.errors.server_error"
