"""Every page of every book in a wide window, under the policy of the guide."""

from site_scan import scan


def test_every_page_in_a_wide_window(browser, origin, pages):
    faults = scan(browser, origin, pages, 1280)
    assert not faults, "\n".join(faults)
