"""Pages as a test reads them."""


def page(client, path, status=200, **headers):
    response = client.get(path, **headers)
    assert response.status_code == status, path
    return response.content.decode()
